variable "region" {
  description = "Of the fleet."
  type        = string
}

variable "enclaves" {
  description = "By enclave id: its zone and its image. An id keeps its place in the order, which is its port: add at the end."
  type = map(object({
    availability_zone = string
    eif_key           = string
    eif_sha256        = string
  }))

  validation {
    condition = alltrue([
      for id, enclave in var.enclaves :
      can(regex("^[a-z0-9][a-z0-9-]{0,23}$", id)) && can(regex("^[0-9a-f]{64}$", enclave.eif_sha256))
    ])
    error_message = "Ids of lower-case letters, digits and dashes, at most 24 (names of target groups end there); SHA-256 in hex."
  }
}

variable "vpc_id" {
  type = string
}

variable "private_subnet_ids" {
  description = "By availability zone."
  type        = map(string)
}

variable "endpoint_security_group_id" {
  type = string
}

variable "s3_prefix_list_id" {
  type = string
}

variable "gateway_security_group_id" {
  description = "Who alone may talk to enclaves."
  type        = string
}

variable "ami_id" {
  description = "Amazon Linux 2023, by its id, so that a host is not another tomorrow."
  type        = string
}

variable "instance_type" {
  description = "One that can host enclaves and has four vCPUs or more: two stay with the host."
  type        = string
}

variable "artifact_bucket" {
  type = string
}

variable "host_files" {
  description = "What scripts/package-host.sh made: its key in the bucket and its SHA-256."
  type        = object({ key = string, sha256 = string })
}
