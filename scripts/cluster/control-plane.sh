#!/usr/bin/env bash
# Starts etcd and the API server and, in a whole cluster, the controllers and the scheduler. What runs is left alone.
# shellcheck source=scripts/cluster/environment.sh
. "$(dirname "$0")/environment.sh"

api_port=$port bind=127.0.0.1 advertise=127.0.0.1
[ -e "$run/whole" ] && api_port=443 bind=0.0.0.0 advertise=$node_ip
etcd=http://127.0.0.1:$etcd_port

# Not synced to the disk: what is in this cluster does not outlive it.
start etcd "$bin/etcd" --name "$name" --data-dir "$state/etcd" --unsafe-no-fsync --log-level warn \
  --listen-client-urls "$etcd" --advertise-client-urls "$etcd" --listen-peer-urls http://127.0.0.1:0
start kube-apiserver "$bin/kube-apiserver" --etcd-servers "$etcd" \
  --bind-address $bind --secure-port "$api_port" --advertise-address "$advertise" \
  --service-cluster-ip-range "$service_net" --allow-privileged --authorization-mode Node,RBAC \
  --enable-admission-plugins NodeRestriction --client-ca-file "$pki/ca.crt" \
  --tls-cert-file "$pki/api-server.crt" --tls-private-key-file "$pki/api-server.key" \
  --kubelet-certificate-authority "$pki/ca.crt" --kubelet-preferred-address-types InternalIP \
  --kubelet-client-certificate "$pki/kubelet-client.crt" --kubelet-client-key "$pki/kubelet-client.key" \
  --service-account-issuer https://kubernetes.default.svc --service-account-key-file "$pki/tokens.pub" \
  --service-account-signing-key-file "$pki/tokens.key" \
  --audit-policy-file "$here/audit.yaml" --audit-log-path "$logs/audit.log" \
  --audit-log-maxsize 50 --audit-log-maxbackup 2
[ -e "$run/whole" ] && start forward python3 "$here/forward.py" "/run/netns/$name" "$port" "$api_port"
wait_for "the API server" 120 kubectl get --raw /readyz
[ -e "$run/whole" ] || exit 0

# controller NAME ARGUMENTS…
controller() {
  local config=$pki/${1#kube-}.kubeconfig
  start "$1" "$bin/$1" --kubeconfig "$config" --authentication-kubeconfig "$config" \
    --authorization-kubeconfig "$config" --bind-address 127.0.0.1 --leader-elect=false "${@:2}"
}
controller kube-controller-manager --flex-volume-plugin-dir "$state/volume-plugins" \
  --use-service-account-credentials --root-ca-file "$pki/ca.crt" \
  --service-account-private-key-file "$pki/tokens.key" \
  --cluster-signing-cert-file "$pki/ca.crt" --cluster-signing-key-file "$pki/ca.key"
controller kube-scheduler
wait_for "the controller manager" 60 kubectl get serviceaccount default
