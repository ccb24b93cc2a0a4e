# Applied by who deploys, after roles and key. Nothing in it can change the sealing key or its policy.
provider "aws" {
  region              = var.region
  allowed_account_ids = [var.account]

  default_tags {
    tags = { Project = "quorate", Stack = "fleet" }
  }
}

module "network" {
  source = "../modules/network"

  account            = var.account
  region             = var.region
  cidr               = var.cidr
  availability_zones = var.availability_zones
  sealing_key_arn    = var.sealing_key_arn
  enclave_role_arn   = var.enclave_role_arn
  artifact_bucket    = var.artifact_bucket
  flow_log_group_arn = module.watch.flow_log_group_arn
}

module "enclaves" {
  source = "../modules/enclaves"

  region                     = var.region
  enclaves                   = var.enclaves
  vpc_id                     = module.network.vpc_id
  private_subnet_ids         = module.network.private_subnet_ids
  endpoint_security_group_id = module.network.endpoint_security_group_id
  s3_prefix_list_id          = module.network.s3_prefix_list_id
  gateway_security_group_id  = aws_security_group.gateway.id
  ami_id                     = var.ami_id
  instance_type              = var.enclave_instance_type
  artifact_bucket            = var.artifact_bucket
  host_files                 = var.host_files
}

module "gateway" {
  source = "../modules/gateway"

  region                = var.region
  availability_zone     = var.gateway_availability_zone
  subnet_id             = module.network.private_subnet_ids[var.gateway_availability_zone]
  security_group_id     = aws_security_group.gateway.id
  ami_id                = var.ami_id
  instance_type         = var.gateway_instance_type
  volume_size           = var.volume_size
  restore_from_snapshot = var.restore_from_snapshot
  storage_key_arn       = aws_kms_key.storage.arn
  artifact_bucket       = var.artifact_bucket
  host_files            = var.host_files
  release               = var.release
  domain                = var.domain
  enclave_addresses     = module.enclaves.addresses
}

module "load_balancer" {
  source = "../modules/load-balancer"

  vpc_id              = module.network.vpc_id
  public_subnet_ids   = module.network.public_subnet_ids
  security_group_id   = aws_security_group.api.id
  gateway_instance_id = module.gateway.instance_id
  access_log_bucket   = var.access_log_bucket
  certificate_arn     = var.certificate_arn
  zone_id             = var.zone_id
  domain              = var.domain
}

module "watch" {
  source = "../modules/watch"

  enclave_ids     = keys(var.enclaves)
  load_balancer   = module.load_balancer.arn_suffix
  storage_key_arn = aws_kms_key.storage.arn
  alarm_topic_arn = var.alarm_topic_arn
}
