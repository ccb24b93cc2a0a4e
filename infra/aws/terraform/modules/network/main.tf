locals {
  zones = { for index, zone in var.availability_zones : zone => index }

  # Nothing of the fleet reaches the internet: these are the ways out.
  interface_endpoints = toset(["ec2messages", "kms", "logs", "monitoring", "secretsmanager", "ssm", "ssmmessages"])
}

resource "aws_vpc" "fleet" {
  cidr_block           = var.cidr
  enable_dns_support   = true
  enable_dns_hostnames = true

  tags = { Name = "quorate" }
}

# Closed: what forgets to name a group gets nothing.
resource "aws_default_security_group" "closed" {
  vpc_id = aws_vpc.fleet.id
}

resource "aws_subnet" "private" {
  for_each = local.zones

  vpc_id                  = aws_vpc.fleet.id
  availability_zone       = each.key
  cidr_block              = cidrsubnet(var.cidr, 4, each.value)
  map_public_ip_on_launch = false

  tags = { Name = "quorate-private-${each.key}" }
}

# For the load balancer of the API, and nothing else.
resource "aws_subnet" "public" {
  for_each = local.zones

  vpc_id                  = aws_vpc.fleet.id
  availability_zone       = each.key
  cidr_block              = cidrsubnet(var.cidr, 4, 8 + each.value)
  map_public_ip_on_launch = false

  tags = { Name = "quorate-public-${each.key}" }
}

resource "aws_internet_gateway" "public" {
  vpc_id = aws_vpc.fleet.id
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.fleet.id

  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.public.id
  }
}

resource "aws_route_table_association" "public" {
  for_each = aws_subnet.public

  subnet_id      = each.value.id
  route_table_id = aws_route_table.public.id
}

# No route to anywhere but the VPC and the S3 endpoint.
resource "aws_route_table" "private" {
  vpc_id = aws_vpc.fleet.id
}

resource "aws_route_table_association" "private" {
  for_each = aws_subnet.private

  subnet_id      = each.value.id
  route_table_id = aws_route_table.private.id
}

resource "aws_flow_log" "fleet" {
  vpc_id          = aws_vpc.fleet.id
  traffic_type    = "REJECT"
  iam_role_arn    = aws_iam_role.flow_log.arn
  log_destination = var.flow_log_group_arn
}

resource "aws_iam_role" "flow_log" {
  name_prefix = "quorate-flow-log-"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "vpc-flow-logs.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "flow_log" {
  role = aws_iam_role.flow_log.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = "${var.flow_log_group_arn}:*"
    }]
  })
}
