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
