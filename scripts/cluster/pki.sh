#!/usr/bin/env bash
# Makes the certificates and kubeconfigs of a new cluster, once. Their keys are readable by their owner only.
# shellcheck source=scripts/cluster/environment.sh
. "$(dirname "$0")/environment.sh"
[ -s "$kubeconfig" ] && exit
# Only here: under this umask images and directories of pods would be closed to pods that do not run as root.
umask 077
mkdir -p "$pki"
cd "$pki" || exit

new_key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"; }

# certificate NAME SUBJECT EXTENSION…
certificate() {
  local file=$1 subject=$2
  shift 2
  new_key "$file"
  openssl req -new -key "$file.key" -subj "$subject" |
    openssl x509 -req -CA ca.crt -CAkey ca.key -CAcreateserial -days 365 -sha256 -extfile <(printf '%s\n' "$@") \
      -out "$file.crt" 2>/dev/null
}

client() { certificate "$1" "$2" extendedKeyUsage=clientAuth; }
server() { certificate "$1" "$2" extendedKeyUsage=serverAuth "subjectAltName=$3"; }

# config NAME SERVER: a kubeconfig for the certificate of that name.
config() {
  cat >"$1.kubeconfig.new" <<Y
apiVersion: v1
kind: Config
clusters:
- {name: $name, cluster: {server: "$2", certificate-authority-data: $(base64 -w0 ca.crt)}}
users:
- {name: $1, user: {client-certificate-data: $(base64 -w0 "$1.crt"), client-key-data: $(base64 -w0 "$1.key")}}
contexts:
- {name: $name, context: {cluster: $name, user: $1}}
current-context: $name
Y
  mv "$1.kubeconfig.new" "$1.kubeconfig"
}

new_key ca
openssl req -x509 -new -key ca.key -days 365 -sha256 -subj "/CN=$name" -out ca.crt \
  -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign,digitalSignature
new_key tokens
openssl ec -in tokens.key -pubout -out tokens.pub 2>/dev/null
server api-server /CN=kube-apiserver "DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,\
DNS:kubernetes.default.svc.cluster.local,IP:127.0.0.1,IP:$api_ip,IP:$node_ip"
server kubelet-server "/O=system:nodes/CN=system:node:$node" "DNS:$node,IP:$node_ip"
client kubelet-client /O=system:masters/CN=kube-apiserver-kubelet-client
for who in controller-manager scheduler; do
  client "$who" "/CN=system:kube-$who"
  config "$who" "https://$api_ip"
done
for who in "$node" "$simulated"; do
  client "$who" "/O=system:nodes/CN=system:node:$who"
  config "$who" "https://$api_ip"
done
# Last: where it is there, everything is.
client admin /O=system:masters/CN=admin
config admin "https://127.0.0.1:$port"
