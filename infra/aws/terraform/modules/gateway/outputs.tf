output "instance_id" {
  value = aws_instance.gateway.id
}
