/** `pullpass completion`: prints the script of a shell. It asks the program itself (`pullpass __complete`) what can come next. */
import { Argument, Command } from 'commander';
import { complete } from './complete.ts';
import type { Environment } from '../commands/environment.ts';

const BASH = `\
# Completion of pullpass for bash 4.1 or later:  source <(pullpass completion bash)
_pullpass() {
  local line last=''
  COMPREPLY=()
  while IFS='' read -r line; do
    last=$line
    [[ $line == :* ]] || COMPREPLY+=("\${line%%$'\\t'*}")
  done < <("$1" __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  [[ $last != :0 ]] || compopt -o default
}
complete -F _pullpass pullpass kubectl-pullpass
`;

const ZSH = `\
#compdef pullpass kubectl-pullpass
# Completion of pullpass for zsh:  source <(pullpass completion zsh)
_pullpass() {
  local -a lines
  lines=("\${(@f)$("\${words[1]}" __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  local last=\${lines[-1]}
  lines=("\${(@)lines[1,-2]//:/\\\\:}")
  lines=("\${(@)lines/$'\\t'/:}")
  (( $#lines )) && _describe 'pullpass' lines
  [[ $last != :0 ]] || _files
}
(( $+functions[compdef] )) && compdef _pullpass pullpass kubectl-pullpass
`;

const FISH = `\
# Completion of pullpass for fish:  pullpass completion fish | source
function __pullpass_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l lines ($words[1] __complete -- $words[2..-1] 2>/dev/null)
  string match -v -r '^:' -- $lines
  if test "$lines[-1]" = :0
    __fish_complete_path (commandline -ct)
  end
end
complete -c pullpass -f -a '(__pullpass_complete)'
complete -c kubectl-pullpass -f -a '(__pullpass_complete)'
`;

const KUBECTL = `\
#!/bin/sh
# Completion of \`kubectl pullpass\`: kubectl (1.26 or later) runs this file, named kubectl_complete-pullpass, from a folder on PATH.
exec kubectl-pullpass __complete -- "$@"
`;

export const SCRIPTS = { bash: BASH, zsh: ZSH, fish: FISH, kubectl: KUBECTL } as const;
type Shell = keyof typeof SCRIPTS;

export function completionCommand({ writeOut }: Environment): Command {
  return new Command('completion')
    .summary('print the completion script of a shell, or of kubectl')
    .description(
      'Prints the completion script of a shell:\n' +
        '  bash:    source <(pullpass completion bash)\n' +
        '  zsh:     source <(pullpass completion zsh)\n' +
        '  fish:    pullpass completion fish | source\n' +
        '  kubectl: pullpass completion kubectl > ~/.local/bin/kubectl_complete-pullpass, and make that file executable: then\n' +
        '           `kubectl pullpass` is completed too. Needs kubectl-pullpass on PATH.',
    )
    .addArgument(new Argument('<shell>', 'for which shell').choices(Object.keys(SCRIPTS)))
    .action((shell: Shell) => writeOut(SCRIPTS[shell]));
}

/** Hidden: what the scripts run. It answers in the form that kubectl reads from plugins: candidates, then `:0` if files fit, else `:4`. */
export function completeCommand({ writeOut }: Environment): Command {
  return new Command('__complete')
    .argument('[words...]')
    .helpOption(false)
    .action((words: string[], _: object, command: Command) => {
      const { candidates, files } = complete(command.parent ?? command, words);
      writeOut([...candidates, files ? ':0' : ':4', ''].join('\n'));
    });
}
