output "addresses" {
  description = "QUORATE_ENCLAVES of the gateway."
  value       = join(",", [for id, port in local.ports : "${id}=tcp:${aws_lb.enclaves.dns_name}:${port}"])
}

output "door_security_group_id" {
  value = aws_security_group.door.id
}
