variable "account" {
  description = "The account of key and fleet, best one that holds nothing else."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account))
    error_message = "Twelve digits."
  }
}

variable "region" {
  description = "Of the fleet."
  type        = string
}

variable "artifact_bucket" {
  description = "Where images, releases and host files lie: versioned, private, written by the build alone."
  type        = string
}
