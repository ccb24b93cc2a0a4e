variable "account" {
  description = "Whose principals the endpoints serve."
  type        = string
}

variable "region" {
  description = "Of all endpoints."
  type        = string
}

variable "cidr" {
  description = "Of the VPC. Sixteen subnets are cut from it."
  type        = string
}

variable "availability_zones" {
  description = "One private and one public subnet each."
  type        = list(string)

  validation {
    condition     = length(var.availability_zones) >= 2 && length(var.availability_zones) <= 8
    error_message = "Two to eight zones: the load balancer wants two, and three make a threshold of two outlive one."
  }
}

variable "sealing_key_arn" {
  description = "The only key that the KMS endpoint carries."
  type        = string
}

variable "enclave_role_arn" {
  description = "The only role for which the KMS endpoint carries it."
  type        = string
}

variable "artifact_bucket" {
  description = "Where images and releases lie."
  type        = string
}

variable "flow_log_group_arn" {
  description = "Where rejected connections are logged."
  type        = string
}
