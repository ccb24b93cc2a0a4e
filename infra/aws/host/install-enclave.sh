#!/bin/sh
# Makes an instance the host of one enclave. Run by user data with /etc/quorate/host.env written; running it again is harmless.
set -eu

if [ "${1-}" = --help ]; then
  echo 'install-enclave.sh: reads /etc/quorate/host.env, installs packages and units, starts the enclave' && exit 0
fi
# shellcheck source=/dev/null
. /etc/quorate/host.env
: "${AWS_REGION:?}" "${QUORATE_ENCLAVE_ID:?}" "${ARTIFACT_BUCKET:?}" "${EIF_KEY:?}" "${EIF_SHA256:?}"

dnf install -y -q aws-nitro-enclaves-cli socat
id quorate-host >/dev/null 2>&1 || useradd --system --no-create-home --shell /sbin/nologin --groups ne quorate-host

aws s3 cp --only-show-errors --region "$AWS_REGION" "s3://$ARTIFACT_BUCKET/$EIF_KEY" /opt/quorate/enclave.eif.new
echo "$EIF_SHA256  /opt/quorate/enclave.eif.new" | sha256sum --check --quiet
mv -f /opt/quorate/enclave.eif.new /opt/quorate/enclave.eif

install -m 0644 /opt/quorate/host/allocator.yaml /etc/nitro_enclaves/allocator.yaml
sed "s/@REGION@/$AWS_REGION/" /opt/quorate/host/vsock-proxy.yaml >/etc/nitro_enclaves/vsock-proxy.yaml
# The ports that are measured into the image (ports.kms, ports.metadata of its configuration).
proxy() { printf 'PORT=%s\nREMOTE_ADDRESS=%s\nREMOTE_PORT=%s\n' "$2" "$3" "$4" >"/etc/quorate/vsock-proxy-$1.env"; }
proxy kms 8000 "kms.$AWS_REGION.amazonaws.com" 443
proxy metadata 8001 169.254.169.254 80

for unit in quorate-enclave.service quorate-vsock-proxy@.service quorate-relay.service quorate-heartbeat.service \
  quorate-heartbeat.timer; do
  install -m 0644 "/opt/quorate/host/systemd/$unit" /etc/systemd/system/
done
systemctl daemon-reload
# The package's own proxy listens on the same port.
systemctl disable --now nitro-enclaves-vsock-proxy.service 2>/dev/null || true
systemctl enable nitro-enclaves-allocator.service
systemctl restart nitro-enclaves-allocator.service
systemctl enable --now quorate-vsock-proxy@kms.service quorate-vsock-proxy@metadata.service quorate-relay.service \
  quorate-heartbeat.timer
systemctl enable quorate-enclave.service
systemctl restart quorate-enclave.service
