variable "enclave_ids" {
  type = list(string)
}

variable "load_balancer" {
  description = "ARN suffix of the API's load balancer."
  type        = string
}

variable "storage_key_arn" {
  description = "Encrypts the logs."
  type        = string
}

variable "alarm_topic_arn" {
  description = "The SNS topic that somebody reads."
  type        = string
}
