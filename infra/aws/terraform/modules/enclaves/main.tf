# One host and one group of one for each enclave. Its id is what its root is sealed for, so hosts are not exchangeable; its host
# is, since its sealed root lies at the gateway. Zones are fixed, so that a zone takes no more enclaves along than it must.
locals {
  # Where the gateway finds them: one listener each, on one load balancer.
  ports = { for index, id in sort(keys(var.enclaves)) : id => 5000 + index }
}

resource "aws_security_group" "hosts" {
  name_prefix = "quorate-enclaves-"
  description = "Hosts of enclaves"
  vpc_id      = var.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "relay" {
  security_group_id            = aws_security_group.hosts.id
  description                  = "The relay, from the load balancer"
  referenced_security_group_id = aws_security_group.door.id
  ip_protocol                  = "tcp"
  from_port                    = 5000
  to_port                      = 5000
}

resource "aws_vpc_security_group_egress_rule" "services" {
  security_group_id            = aws_security_group.hosts.id
  description                  = "AWS services"
  referenced_security_group_id = var.endpoint_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

resource "aws_vpc_security_group_egress_rule" "s3" {
  security_group_id = aws_security_group.hosts.id
  description       = "Artifacts and packages"
  prefix_list_id    = var.s3_prefix_list_id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_launch_template" "host" {
  for_each = var.enclaves

  name_prefix            = "quorate-${each.key}-"
  image_id               = var.ami_id
  instance_type          = var.instance_type
  vpc_security_group_ids = [aws_security_group.hosts.id]
  update_default_version = true

  iam_instance_profile {
    name = "quorate-enclave"
  }

  enclave_options {
    enabled = true
  }

  # The hop limit keeps credentials from whatever is routed through the host. vsock-proxy is on the host, and is no hop.
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
    # An enclave learns its name from the tag quorate-enclave of its host.
    instance_metadata_tags = "enabled"
  }

  monitoring {
    enabled = true
  }

  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      encrypted             = true
      volume_type           = "gp3"
      volume_size           = 16
      delete_on_termination = true
    }
  }

  user_data = base64encode(templatefile("${path.module}/user-data.sh.tftpl", {
    region          = var.region
    enclave_id      = each.key
    artifact_bucket = var.artifact_bucket
    host_key        = var.host_files.key
    host_sha256     = var.host_files.sha256
    eif_key         = each.value.eif_key
    eif_sha256      = each.value.eif_sha256
  }))

  tag_specifications {
    resource_type = "instance"
    tags          = { Name = "quorate-${each.key}", Project = "quorate", quorate-enclave = each.key }
  }

  tag_specifications {
    resource_type = "volume"
    tags          = { Name = "quorate-${each.key}", Project = "quorate" }
  }
}

resource "aws_autoscaling_group" "host" {
  for_each = var.enclaves

  name                      = "quorate-${each.key}"
  min_size                  = 1
  max_size                  = 1
  vpc_zone_identifier       = [var.private_subnet_ids[each.value.availability_zone]]
  target_group_arns         = [aws_lb_target_group.enclave[each.key].arn]
  health_check_type         = "EC2"
  health_check_grace_period = 300

  # No instance_refresh: a new image is rolled out by hand, one enclave after the other (runbook image-upgrade.md). All at
  # once would leave no quorum.
  launch_template {
    id      = aws_launch_template.host[each.key].id
    version = aws_launch_template.host[each.key].latest_version
  }

  tag {
    key                 = "Name"
    value               = "quorate-${each.key}"
    propagate_at_launch = true
  }
}
