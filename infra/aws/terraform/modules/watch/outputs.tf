output "flow_log_group_arn" {
  value = aws_cloudwatch_log_group.flow.arn
}
