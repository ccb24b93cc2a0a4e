# First of the three: KMS takes no policy that names a role which is not there.
provider "aws" {
  region              = var.region
  allowed_account_ids = [var.account]

  default_tags {
    tags = { Project = "quorate", Stack = "roles" }
  }
}

# What every instance may: be reached by Session Manager (there is no SSH), read the artifacts, put our metrics and logs.
locals {
  instance_trust = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ec2.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })

  session_manager = {
    Sid    = "SessionManager"
    Effect = "Allow"
    Action = [
      "ec2messages:AcknowledgeMessage",
      "ec2messages:FailMessage",
      "ec2messages:GetEndpoint",
      "ec2messages:GetMessages",
      "ec2messages:SendReply",
      "ssm:UpdateInstanceInformation",
      "ssmmessages:CreateControlChannel",
      "ssmmessages:CreateDataChannel",
      "ssmmessages:OpenControlChannel",
      "ssmmessages:OpenDataChannel",
    ]
    # None of these knows a narrower resource.
    Resource = "*"
  }

  own_metrics = {
    Sid       = "OwnMetrics"
    Effect    = "Allow"
    Action    = "cloudwatch:PutMetricData"
    Resource  = "*"
    Condition = { StringEquals = { "cloudwatch:namespace" = "Quorate" } }
  }

  no_key_administration = {
    Sid    = "NoKeyAdministration"
    Effect = "Deny"
    Action = [
      "kms:CancelKeyDeletion",
      "kms:CreateGrant",
      "kms:CreateKey",
      "kms:Disable*",
      "kms:Enable*",
      "kms:PutKeyPolicy",
      "kms:RevokeGrant",
      "kms:ScheduleKeyDeletion",
      "kms:Update*",
    ]
    Resource = "*"
  }

  # KMS's randomness, which an enclave mixes into a new root. No key takes part in it, so that no key policy can allow it.
  attested_randomness = {
    Sid       = "AttestedRandomness"
    Effect    = "Allow"
    Action    = "kms:GenerateRandom"
    Resource  = "*"
    Condition = { Null = { "kms:RecipientAttestation:ImageSha384" = "false" } }
  }
}

# Its right to use the sealing key stands in the key's own policy, with the measurements, and nowhere else.
resource "aws_iam_role" "enclave" {
  name               = "quorate-enclave"
  assume_role_policy = local.instance_trust
}

resource "aws_iam_role_policy" "enclave" {
  # checkov:skip=CKV_AWS_290: the channels of Session Manager, PutMetricData and GenerateRandom know no narrower resource; the metrics are bound by namespace
  # checkov:skip=CKV_AWS_355: the channels of Session Manager, PutMetricData and GenerateRandom know no narrower resource; the metrics are bound by namespace
  name = "host-of-an-enclave"
  role = aws_iam_role.enclave.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      local.session_manager,
      local.own_metrics,
      local.no_key_administration,
      local.attested_randomness,
      {
        Sid      = "Images"
        Effect   = "Allow"
        Action   = "s3:GetObject"
        Resource = ["arn:aws:s3:::${var.artifact_bucket}/images/*", "arn:aws:s3:::${var.artifact_bucket}/host/*"]
      },
    ]
  })
}

resource "aws_iam_role" "gateway" {
  name               = "quorate-gateway"
  assume_role_policy = local.instance_trust
}

# The secret and its key are added by the fleet, which makes them.
resource "aws_iam_role_policy" "gateway" {
  # checkov:skip=CKV_AWS_290: the channels of Session Manager and PutMetricData know no narrower resource; the metrics are bound by namespace
  # checkov:skip=CKV_AWS_355: the channels of Session Manager and PutMetricData know no narrower resource; the metrics are bound by namespace
  name = "gateway"
  role = aws_iam_role.gateway.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      local.session_manager,
      local.own_metrics,
      local.no_key_administration,
      {
        Sid      = "Releases"
        Effect   = "Allow"
        Action   = "s3:GetObject"
        Resource = ["arn:aws:s3:::${var.artifact_bucket}/releases/*", "arn:aws:s3:::${var.artifact_bucket}/host/*"]
      },
      {
        Sid      = "OwnLogs"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
        Resource = "arn:aws:logs:${var.region}:${var.account}:log-group:/quorate/gateway:*"
      },
    ]
  })
}

resource "aws_iam_instance_profile" "enclave" {
  name = aws_iam_role.enclave.name
  role = aws_iam_role.enclave.name
}

resource "aws_iam_instance_profile" "gateway" {
  name = aws_iam_role.gateway.name
  role = aws_iam_role.gateway.name
}

output "enclave_role_arn" {
  description = "For the key policy and the fleet."
  value       = aws_iam_role.enclave.arn
}
