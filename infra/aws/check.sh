#!/bin/sh
# Checks what is not TypeScript here, by whichever of the tools are installed, offline. The tests check the rest.
set -eu

if [ "${1-}" = --help ]; then
  echo 'check.sh: shellcheck, yamllint, terraform fmt and, where CHECKOV names it, checkov; says what it skipped' && exit 0
fi
cd "$(dirname "$0")"
export CHECKPOINT_DISABLE=1
failed=0
check() {
  name=$1 tool=$2
  shift
  if ! command -v "$tool" >/dev/null; then echo "skipped: $name ($tool is not installed)"; return 0; fi
  if output=$("$@" 2>&1); then echo "passed: $name"; else printf 'failed: %s\n%s\n' "$name" "$output"; failed=1; fi
}
check 'shell scripts' shellcheck --shell=sh check.sh scripts/*.sh host/*.sh
check 'YAML' yamllint --strict --config-data '{extends: default, rules: {line-length: {max: 130}, braces: {max-spaces-inside: 1}}}' host/*.yaml
check 'Terraform format' terraform fmt -recursive -check -diff terraform
check 'Terraform policies' "${CHECKOV:-checkov}" --directory terraform --framework terraform --skip-download --quiet --compact
exit "$failed"
