/** Configuration texts that the tests start from. */
export const HEAD = 'apiVersion: pullpass.dev/v1alpha1\nkind: Configuration\n';

/** The least that is valid: six lines. */
export const GOOD = `${HEAD}\
sources:
  - name: upstream
    secret: { namespace: pullpass-system, name: upstream-registry }
    copyName: upstream-registry
`;

/** One more item of `sources`. */
export const source = (name: string): string => `\
  - name: ${name}
    secret: { namespace: pullpass-system, name: ${name}-source }
    copyName: ${name}-copy
    namespaces: { allow: ["*"] }
`;

/** Every key that there is, each with a value of its own. */
export const FULL = `\
# every key
${HEAD}\
sources:
  - name: upstream
    secret:
      namespace: pullpass-system
      name: upstream-registry
    copyName: upstream-registry
    namespaces: { allow: ["*"], deny: ["kube-*", pullpass-system] }
    optInByDefault: false
    serviceAccounts: [default, "!ci-*"]
    aliases:
      - { host: "harbor.corp:443/dockerhub", from: docker.io }
      - host: docker.io
        login: { secret: mirror-login }
    onOptOut: retain
  - name: second
    secret: { namespace: registries, name: second-source }
    copyName: second-registry
retiredCopyNames: [old-registry]
schedules: { resync: "*/10 * * * *", timeZone: Europe/Berlin }
paused: true
confirmRemoval: "0123456789ab"
`;
