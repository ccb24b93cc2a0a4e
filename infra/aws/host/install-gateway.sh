#!/bin/sh
# Makes an instance the gateway. Run by user data with /etc/quorate/host.env and gateway.env written; may be run again.
set -eu

if [ "${1-}" = --help ]; then
  echo 'install-gateway.sh: mounts the volume, installs the release and its unit, starts the gateway' && exit 0
fi
# shellcheck source=/dev/null
. /etc/quorate/host.env
: "${AWS_REGION:?}" "${ARTIFACT_BUCKET:?}" "${RELEASE_KEY:?}" "${RELEASE_SHA256:?}" "${DATA_VOLUME_ID:?}"

dnf install -y -q amazon-cloudwatch-agent
id quorate >/dev/null 2>&1 || useradd --system --no-create-home --shell /sbin/nologin quorate

# NVMe shows a volume by its id. Terraform attaches it after the instance is up.
disk=/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_$(echo "$DATA_VOLUME_ID" | tr -d -)
tries=0
until [ -b "$disk" ]; do
  tries=$((tries + 1))
  [ "$tries" -lt 120 ] || { echo "install-gateway.sh: $DATA_VOLUME_ID is not attached" >&2; exit 1; }
  sleep 5
done
# Only a volume on which nothing is gets a file system: this one may hold every key.
if [ -z "$(blkid -p -s TYPE -o value "$disk" || true)" ] && [ -z "$(wipefs --no-act "$disk")" ]; then
  mkfs.xfs -q -L quorate "$disk"
  new=1
fi
mkdir -p /var/lib/quorate /var/log/quorate
grep -q ' /var/lib/quorate ' /etc/fstab || echo 'LABEL=quorate /var/lib/quorate xfs nodev,nosuid,noexec,nofail 0 2' >>/etc/fstab
mountpoint -q /var/lib/quorate || mount /var/lib/quorate
chown quorate:quorate /var/lib/quorate /var/log/quorate
chmod 0700 /var/lib/quorate
# init-database.sh makes a database on such a volume alone: one that was lost on another is not replaced.
[ -z "${new-}" ] || touch /var/lib/quorate/new

aws s3 cp --only-show-errors --region "$AWS_REGION" "s3://$ARTIFACT_BUCKET/$RELEASE_KEY" /opt/quorate/release.tar.gz
echo "$RELEASE_SHA256  /opt/quorate/release.tar.gz" | sha256sum --check --quiet
rm -rf /opt/quorate/gateway.new
mkdir -p /opt/quorate/gateway.new
tar -xzf /opt/quorate/release.tar.gz -C /opt/quorate/gateway.new --no-same-owner
rm -rf /opt/quorate/gateway
mv /opt/quorate/gateway.new /opt/quorate/gateway

install -m 0644 /opt/quorate/host/quorate.logrotate /etc/logrotate.d/quorate
install -m 0644 /opt/quorate/host/systemd/quorate-gateway.service /etc/systemd/system/
/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl -a fetch-config -m ec2 -s \
  -c file:/opt/quorate/host/cloudwatch-agent.json
systemctl daemon-reload
systemctl enable quorate-gateway.service
systemctl restart quorate-gateway.service
