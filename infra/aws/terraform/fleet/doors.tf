# Who may talk to whom: the world to the load balancer, it to the gateway, the gateway to the enclaves' door and to AWS.
resource "aws_security_group" "api" {
  # checkov:skip=CKV2_AWS_5: attached in a module, which the check does not see
  name_prefix = "quorate-api-"
  description = "The load balancer of the API"
  vpc_id      = module.network.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  for_each = toset(var.client_cidrs)

  security_group_id = aws_security_group.api.id
  description       = "Clients"
  cidr_ipv4         = each.key
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_egress_rule" "api" {
  security_group_id            = aws_security_group.api.id
  description                  = "The gateway"
  referenced_security_group_id = aws_security_group.gateway.id
  ip_protocol                  = "tcp"
  from_port                    = 3000
  to_port                      = 3000
}

resource "aws_security_group" "gateway" {
  # checkov:skip=CKV2_AWS_5: attached in a module, which the check does not see
  name_prefix = "quorate-gateway-"
  description = "The gateway"
  vpc_id      = module.network.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "gateway" {
  security_group_id            = aws_security_group.gateway.id
  description                  = "The load balancer of the API"
  referenced_security_group_id = aws_security_group.api.id
  ip_protocol                  = "tcp"
  from_port                    = 3000
  to_port                      = 3000
}

resource "aws_vpc_security_group_egress_rule" "enclaves" {
  security_group_id            = aws_security_group.gateway.id
  description                  = "The door of the enclaves"
  referenced_security_group_id = module.enclaves.door_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = 5000
  to_port                      = 5000 + length(var.enclaves) - 1
}

resource "aws_vpc_security_group_egress_rule" "services" {
  security_group_id            = aws_security_group.gateway.id
  description                  = "AWS services"
  referenced_security_group_id = module.network.endpoint_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

resource "aws_vpc_security_group_egress_rule" "s3" {
  security_group_id = aws_security_group.gateway.id
  description       = "Artifacts and packages"
  prefix_list_id    = module.network.s3_prefix_list_id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}
