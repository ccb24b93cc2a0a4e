variable "account" {
  description = "The account of key and fleet, best one that holds nothing else."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account))
    error_message = "Twelve digits."
  }
}

variable "region" {
  description = "As it is measured into the enclave image."
  type        = string
}

variable "cidr" {
  description = "Of the VPC."
  type        = string
  default     = "10.64.0.0/20"
}

variable "availability_zones" {
  description = "At least two; three make a threshold of two outlive one of them."
  type        = list(string)
}

variable "client_cidrs" {
  description = "Who may reach the API. Everybody is a decision: write it down."
  type        = list(string)
}

variable "sealing_key_arn" {
  description = "Output of the key stack."
  type        = string
}

variable "enclave_role_arn" {
  description = "Output of the roles stack."
  type        = string
}

variable "enclaves" {
  description = "By enclave id: its zone and its image."
  type = map(object({
    availability_zone = string
    eif_key           = string
    eif_sha256        = string
  }))
}

variable "ami_id" {
  description = "Amazon Linux 2023, by its id."
  type        = string

  validation {
    condition     = startswith(var.ami_id, "ami-")
    error_message = "The id of an image."
  }
}

variable "enclave_instance_type" {
  description = "Four vCPUs or more, able to host enclaves."
  type        = string
  default     = "c6i.xlarge"
}

variable "gateway_instance_type" {
  type    = string
  default = "c6i.large"
}

variable "gateway_availability_zone" {
  description = "Where the database is. Changing it needs a restore from a snapshot."
  type        = string
}

variable "volume_size" {
  description = "GiB of the database's volume."
  type        = number
  default     = 32
}

variable "restore_from_snapshot" {
  description = "A snapshot of the database, for a restore; else null."
  type        = string
  default     = null
}

variable "artifact_bucket" {
  description = "Where images, releases and host files lie."
  type        = string
}

variable "host_files" {
  description = "What scripts/package-host.sh made: its key in the bucket and its SHA-256."
  type        = object({ key = string, sha256 = string })
}

variable "release" {
  description = "The gateway's release: its key in the bucket and its SHA-256."
  type        = object({ key = string, sha256 = string })
}

variable "access_log_bucket" {
  description = "Takes the access logs of load balancers."
  type        = string
}

variable "certificate_arn" {
  description = "Of ACM, for the domain."
  type        = string
}

variable "zone_id" {
  description = "The hosted zone of the domain."
  type        = string
}

variable "domain" {
  description = "Under which clients reach the API."
  type        = string
}

variable "alarm_topic_arn" {
  description = "The SNS topic that somebody reads."
  type        = string
}
