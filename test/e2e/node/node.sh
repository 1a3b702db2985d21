#!/bin/sh
# One Kubernetes node on this machine, in namespaces of its own (mounts, network, processes). When its first process ends, the kernel ends all
# others and takes their mounts, links and sockets away. What is left is removed here: control groups and files. So the node ends completely,
# however the program that started it ends.
#
#   node.sh DIRECTORY NAME HOST NODE PODS SERVICE     runs until its stdin ends
#
# DIRECTORY/programs.sh starts the programs. NAME: of this machine's end of the link, and of the control groups. HOST and NODE: the addresses
# of both ends. PODS: the pods' network. SERVICE: cluster IP of the API server; an address of the node, so nothing has to translate it.
set -eu
directory=$1 name=$2 host=$3 node=$4 pods=$5 service=$6
stage=${7-machine} machine=${8-$$}

case $stage in
machine)
  remove() {
    find /sys/fs/cgroup -depth -type d \( -path "*/$name" -o -path "*/$name/*" \) -exec rmdir {} \; 2>/dev/null || true
    rm -rf "$directory"
  }
  trap remove EXIT
  if [ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ]; then
    for controller in cpu cpuset hugetlb io memory pids; do
      echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control 2>/dev/null || true
    done
    mkdir "/sys/fs/cgroup/$name"
  else
    for hierarchy in /sys/fs/cgroup/*/; do
      [ "$(stat -f -c %T "$hierarchy")" != cgroupfs ] || mkdir "$hierarchy$name"
    done
  fi
  unshare --net -- sh "$0" "$@" network $$ || true
  ;;
network) # in the node's network, not yet its first process
  ip link add "$name" type veth peer name node0
  ip link set "$name" netns "$machine"
  ip link set lo up
  ip address add "$service/32" dev lo
  ip address add "$node/24" dev node0
  ip link set node0 up
  ip route add default via "$host"
  nsenter --net="/proc/$machine/ns/net" sh -ec "
    ip address add $host/24 dev $name
    ip link set $name up
    ip route add $pods via $node"
  set -- "$directory" "$name" "$host" "$node" "$pods" "$service" node
  exec unshare --mount --pid --fork --kill-child -- sh "$0" "$@"
  ;;
node) # process 1
  mount -t proc proc /proc
  for own in /run /var/log; do mount -t tmpfs tmpfs "$own"; done
  echo 1 >/proc/sys/net/ipv4/ip_forward
  # A kubelet sets these for the whole machine, unless it finds them so.
  set -- vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 \
    kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000
  for setting; do
    file=$(mktemp -p /run)
    echo "${setting#*=}" >"$file"
    mount --bind "$file" "/proc/sys/${setting%=*}"
  done
  # shellcheck source=/dev/null
  . "$directory/programs.sh"
  cat >/dev/null
  ;;
esac
