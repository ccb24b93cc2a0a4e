variable "account" {
  description = "The account of key and fleet, best one that holds nothing else."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account))
    error_message = "Twelve digits."
  }
}

variable "region" {
  description = "Measured into the enclave image."
  type        = string
}

variable "policy_file" {
  description = "What src/key-policy printed."
  type        = string
}

variable "trail_log_group" {
  description = "The CloudWatch log group that a CloudTrail trail with management events writes to."
  type        = string
}

variable "alarm_topic_arn" {
  description = "The SNS topic of people who are not the key's administrators."
  type        = string
}
