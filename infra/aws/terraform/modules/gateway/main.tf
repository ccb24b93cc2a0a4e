# One gateway, and only one: it keeps a SQLite file on one volume. EC2 recovers it on other hardware of the same zone; if the zone
# is lost, its last snapshot is restored in another (runbook first-deployment.md).
resource "aws_instance" "gateway" {
  ami                         = var.ami_id
  instance_type               = var.instance_type
  subnet_id                   = var.subnet_id
  vpc_security_group_ids      = [var.security_group_id]
  iam_instance_profile        = "quorate-gateway"
  associate_public_ip_address = false
  ebs_optimized               = true
  monitoring                  = true

  # A new release is a new instance: the volume moves to it.
  user_data_replace_on_change = true

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
    instance_metadata_tags      = "disabled"
  }

  maintenance_options {
    auto_recovery = "default"
  }

  root_block_device {
    encrypted   = true
    volume_type = "gp3"
    volume_size = 16
  }

  user_data = templatefile("${path.module}/user-data.sh.tftpl", {
    region          = var.region
    artifact_bucket = var.artifact_bucket
    host_key        = var.host_files.key
    host_sha256     = var.host_files.sha256
    release_key     = var.release.key
    release_sha256  = var.release.sha256
    volume_id       = aws_ebs_volume.store.id
    secret          = aws_secretsmanager_secret.storage_key.arn
    public_url      = "https://${var.domain}"
    enclaves        = var.enclave_addresses
  })

  tags = { Name = "quorate-gateway" }
}

# The database: sealed shares and sealed roots. Losing it loses every key.
resource "aws_ebs_volume" "store" {
  availability_zone = var.availability_zone
  snapshot_id       = var.restore_from_snapshot
  encrypted         = true
  kms_key_id        = var.storage_key_arn
  type              = "gp3"
  size              = var.volume_size
  final_snapshot    = true

  tags = { Name = "quorate-store", QuorateSnapshots = "hourly" }

  lifecycle {
    prevent_destroy = true
    # A restored volume stays what it is when the variable is taken back.
    ignore_changes = [snapshot_id]
  }
}

resource "aws_volume_attachment" "store" {
  device_name                    = "/dev/sdf"
  volume_id                      = aws_ebs_volume.store.id
  instance_id                    = aws_instance.gateway.id
  stop_instance_before_detaching = true
}

# Its value is put in by the operator and never passes through Terraform, whose state would keep it.
resource "aws_secretsmanager_secret" "storage_key" {
  # checkov:skip=CKV2_AWS_57: another value does not open the database; `quorate-gateway rotate-key` writes every row anew, by hand
  name                    = "quorate/storage-key"
  description             = "32 bytes in hex: the key of the rows of the gateway's database"
  kms_key_id              = var.storage_key_arn
  recovery_window_in_days = 30

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_iam_role_policy" "storage_key" {
  name = "storage-key"
  role = "quorate-gateway"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "ReadTheSecret"
        Effect   = "Allow"
        Action   = "secretsmanager:GetSecretValue"
        Resource = aws_secretsmanager_secret.storage_key.arn
      },
      {
        Sid       = "OpenTheSecret"
        Effect    = "Allow"
        Action    = "kms:Decrypt"
        Resource  = var.storage_key_arn
        Condition = { StringEquals = { "kms:ViaService" = "secretsmanager.${var.region}.amazonaws.com" } }
      },
    ]
  })
}
