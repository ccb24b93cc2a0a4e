output "key_arn" {
  description = "Measured into the enclave image."
  value       = aws_kms_key.sealing.arn
}
