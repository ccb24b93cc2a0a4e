# Applied by the key's administrators alone, with a state of their own. Who deploys the fleet has no access to it.
provider "aws" {
  region              = var.region
  allowed_account_ids = [var.account]

  default_tags {
    tags = { Project = "quorate", Stack = "key" }
  }
}

module "sealing_key" {
  source = "../modules/sealing-key"

  policy_file     = var.policy_file
  trail_log_group = var.trail_log_group
  alarm_topic_arn = var.alarm_topic_arn
}

output "key_arn" {
  description = "Measured into the enclave image, and given to the fleet."
  value       = module.sealing_key.key_arn
}
