resource "aws_security_group" "endpoints" {
  name_prefix = "quorate-endpoints-"
  description = "AWS services, from the private subnets"
  vpc_id      = aws_vpc.fleet.id
}

resource "aws_vpc_security_group_ingress_rule" "endpoints" {
  for_each = aws_subnet.private

  security_group_id = aws_security_group.endpoints.id
  description       = "TLS from a private subnet"
  cidr_ipv4         = each.value.cidr_block
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

# The KMS endpoint carries the sealing key and randomness for enclave hosts, and nothing else: no other key, account or action.
locals {
  kms_endpoint_policy = {
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "SealingKeyForEnclaveHosts"
        Effect    = "Allow"
        Principal = "*"
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = var.sealing_key_arn
        Condition = { ArnEquals = { "aws:PrincipalArn" = var.enclave_role_arn } }
      },
      {
        Sid       = "RandomnessForEnclaveHosts"
        Effect    = "Allow"
        Principal = "*"
        Action    = "kms:GenerateRandom"
        Resource  = "*"
        Condition = { ArnEquals = { "aws:PrincipalArn" = var.enclave_role_arn } }
      },
    ]
  }

  # Any action of the service, for principals of this account.
  own_account_policy = {
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OwnAccount"
      Effect    = "Allow"
      Principal = "*"
      Action    = "*"
      Resource  = "*"
      Condition = { StringEquals = { "aws:PrincipalAccount" = var.account } }
    }]
  }
}

resource "aws_vpc_endpoint" "interface" {
  for_each = local.interface_endpoints

  vpc_id              = aws_vpc.fleet.id
  service_name        = "com.amazonaws.${var.region}.${each.key}"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = [for subnet in aws_subnet.private : subnet.id]
  security_group_ids  = [aws_security_group.endpoints.id]
  policy              = jsonencode(each.key == "kms" ? local.kms_endpoint_policy : local.own_account_policy)

  tags = { Name = "quorate-${each.key}" }
}

# Artifacts, and the packages of Amazon Linux, which lie in S3.
resource "aws_vpc_endpoint" "s3" {
  vpc_id            = aws_vpc.fleet.id
  service_name      = "com.amazonaws.${var.region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [aws_route_table.private.id]
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "ReadArtifactsAndPackages"
      Effect    = "Allow"
      Principal = "*"
      Action    = "s3:GetObject"
      Resource  = ["arn:aws:s3:::${var.artifact_bucket}/*", "arn:aws:s3:::al2023-repos-${var.region}-de612dc2/*"]
    }]
  })
}
