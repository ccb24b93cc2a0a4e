# The key under which enclaves seal their roots. Losing it loses every key that was ever made: nothing here can delete it.
resource "aws_kms_key" "sealing" {
  description             = "Quorate: seals the roots of enclaves"
  key_usage               = "ENCRYPT_DECRYPT"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  multi_region            = false

  # Printed by src/key-policy, never written by hand. Images are accepted and let go by a change of this file.
  policy = file(var.policy_file)

  # A role of key administration makes the key; the check that it can change the policy again stays on.
  bypass_policy_lockout_safety_check = false

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_kms_alias" "sealing" {
  name          = "alias/quorate-sealing"
  target_key_id = aws_kms_key.sealing.key_id
}
