#!/usr/bin/env bash
# Says which cluster there is, what runs with how much memory and processor time, and what is in it.
# shellcheck source=scripts/cluster/environment.sh
. "$(dirname "$0")/environment.sh"
if [ -n "${KUBECONFIG:-}" ] && [ "$KUBECONFIG" != "$kubeconfig" ]; then
  echo "KUBECONFIG names another cluster, which is the one in use: $KUBECONFIG"
fi
[ -s "$kubeconfig" ] || { echo "no cluster of the project's own is up; scripts/cluster/up.sh starts it"; exit 1; }

# A process and what is in its command line.
table="etcd etcd
kube-apiserver kube-apiserver
kube-controller-manager kube-controller-manager
kube-scheduler kube-scheduler
forward forward.py
containerd containerd
kubelet kubelet
simulated-node simulated-node.py"

printf '%-24s %8s %9s %10s\n' process id MiB processor
while read -r process program; do
  if alive "$process" "$program"; then
    id=$(cat "$run/$process.pid")
    memory=$(awk '/^VmRSS/ {print int($2 / 1024)}' "/proc/$id/status")
    printf '%-24s %8s %9s %10s\n' "$process" "$id" "$memory" "$(ps -o cputime= -p "$id" | tr -d ' ')"
  else
    printf '%-24s %8s\n' "$process" -
  fi
done <<<"$table"
echo
kubectl get nodes -o wide
echo
kubectl get pods --all-namespaces -o wide
if alive containerd containerd; then
  echo
  containers images list --quiet | grep -v '^sha256:'
fi
echo
echo "logs, and audit.log with them: $logs"
echo "export KUBECONFIG=$kubeconfig PATH=$bin:\$PATH"
