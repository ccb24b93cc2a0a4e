variable "vpc_id" {
  type = string
}

variable "public_subnet_ids" {
  type = list(string)
}

variable "security_group_id" {
  type = string
}

variable "gateway_instance_id" {
  type = string
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
  type = string
}
