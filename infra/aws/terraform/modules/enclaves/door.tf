# Gives each enclave an address that outlives its host, without a right to change addresses for anybody. What passes is sealed.
resource "aws_security_group" "door" {
  name_prefix = "quorate-enclave-door-"
  description = "The gateway's way to the enclaves"
  vpc_id      = var.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "gateway" {
  for_each = local.ports

  security_group_id            = aws_security_group.door.id
  description                  = each.key
  referenced_security_group_id = var.gateway_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = each.value
  to_port                      = each.value
}

resource "aws_vpc_security_group_egress_rule" "hosts" {
  security_group_id            = aws_security_group.door.id
  description                  = "Relays"
  referenced_security_group_id = aws_security_group.hosts.id
  ip_protocol                  = "tcp"
  from_port                    = 5000
  to_port                      = 5000
}

resource "aws_lb" "enclaves" {
  # checkov:skip=CKV_AWS_91: a network load balancer logs TLS listeners only, and this one has none
  name                             = "quorate-enclaves"
  internal                         = true
  load_balancer_type               = "network"
  subnets                          = values(var.private_subnet_ids)
  security_groups                  = [aws_security_group.door.id]
  enable_cross_zone_load_balancing = true
  enable_deletion_protection       = true
}

resource "aws_lb_target_group" "enclave" {
  for_each = var.enclaves

  name               = "quorate-${each.key}"
  vpc_id             = var.vpc_id
  port               = 5000
  protocol           = "TCP"
  preserve_client_ip = false

  health_check {
    protocol = "TCP"
    interval = 30
  }
}

resource "aws_lb_listener" "enclave" {
  for_each = local.ports

  load_balancer_arn = aws_lb.enclaves.arn
  port              = each.value
  protocol          = "TCP"

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.enclave[each.key].arn
  }
}
