variable "region" {
  type = string
}

variable "availability_zone" {
  description = "Where the volume is, and so the gateway."
  type        = string
}

variable "subnet_id" {
  description = "Private, in that zone."
  type        = string
}

variable "security_group_id" {
  type = string
}

variable "ami_id" {
  description = "Amazon Linux 2023, by its id."
  type        = string
}

variable "instance_type" {
  type = string
}

variable "volume_size" {
  description = "GiB of the database's volume."
  type        = number
}

variable "restore_from_snapshot" {
  description = "Makes the volume from this snapshot; null for an empty one."
  type        = string
}

variable "storage_key_arn" {
  description = "Encrypts volume and secret. Not the sealing key."
  type        = string
}

variable "artifact_bucket" {
  type = string
}

variable "host_files" {
  description = "What scripts/package-host.sh made: its key in the bucket and its SHA-256."
  type        = object({ key = string, sha256 = string })
}

variable "release" {
  description = "The gateway's release: its key in the bucket and its SHA-256."
  type        = object({ key = string, sha256 = string })
}

variable "domain" {
  description = "Under which clients reach the API: named in their proofs."
  type        = string
}

variable "enclave_addresses" {
  description = "QUORATE_ENCLAVES."
  type        = string
}
