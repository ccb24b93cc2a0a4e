output "arn_suffix" {
  description = "By which its metrics are found."
  value       = aws_lb.api.arn_suffix
}
