# What the gateway's own log says, one metric each. Enclaves have no console outside debug mode: they speak through the gateway.
locals {
  said = {
    enclave-crashed      = { pattern = "{ $.event = \"enclave.restarted\" || $.event = \"enclave.down\" }", threshold = 1 }
    enclave-not-itself   = { pattern = "{ $.level = \"fatal\" }", threshold = 1 }
    attestation-failed   = { pattern = "{ $.code = \"attestation.invalid\" }", threshold = 1 }
    kms-denied           = { pattern = "{ $.code = \"kms.denied\" || $.code = \"kms.disabled\" || $.code = \"kms.invalid\" || $.code = \"root.invalid\" }", threshold = 1 }
    kms-unavailable      = { pattern = "{ $.code = \"kms.unavailable\" || $.code = \"kms.throttled\" || $.code = \"kms.clock\" }", threshold = 3 }
    store-failed         = { pattern = "{ $.event = \"store.failed\" || $.event = \"store.fault\" }", threshold = 1 }
    gateway-fault        = { pattern = "{ $.event = \"gateway.fault\" }", threshold = 1 }
    signature-not-proven = { pattern = "{ $.code = \"signing.invalid_signature\" }", threshold = 1 }
  }
}

resource "aws_cloudwatch_log_group" "gateway" {
  name              = "/quorate/gateway"
  retention_in_days = 400
  kms_key_id        = var.storage_key_arn
}

resource "aws_cloudwatch_log_group" "flow" {
  name              = "/quorate/rejected-connections"
  retention_in_days = 400
  kms_key_id        = var.storage_key_arn
}

resource "aws_cloudwatch_log_metric_filter" "said" {
  for_each = local.said

  name           = "quorate-${each.key}"
  log_group_name = aws_cloudwatch_log_group.gateway.name
  pattern        = each.value.pattern

  metric_transformation {
    name      = each.key
    namespace = "Quorate/Gateway"
    value     = "1"
  }
}

resource "aws_cloudwatch_metric_alarm" "said" {
  for_each = local.said

  alarm_name          = "quorate-${each.key}"
  namespace           = "Quorate/Gateway"
  metric_name         = aws_cloudwatch_log_metric_filter.said[each.key].metric_transformation[0].name
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 1
  threshold           = each.value.threshold
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alarm_topic_arn]
}

# The heartbeat of each host. Silence is as bad as a no.
resource "aws_cloudwatch_metric_alarm" "heartbeat" {
  for_each = toset(var.enclave_ids)

  alarm_name          = "quorate-${each.key}-does-not-run"
  namespace           = "Quorate"
  metric_name         = "EnclaveRunning"
  dimensions          = { Enclave = each.key }
  statistic           = "Minimum"
  period              = 60
  evaluation_periods  = 3
  threshold           = 1
  comparison_operator = "LessThanThreshold"
  treat_missing_data  = "breaching"
  alarm_actions       = [var.alarm_topic_arn]
  ok_actions          = [var.alarm_topic_arn]
}

resource "aws_cloudwatch_metric_alarm" "disk" {
  alarm_name          = "quorate-store-fills"
  namespace           = "Quorate"
  metric_name         = "disk_used_percent"
  dimensions          = { path = "/var/lib/quorate" }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 80
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "breaching"
  alarm_actions       = [var.alarm_topic_arn]
}

# More than one answer of ten is a failure of ours, for five minutes.
resource "aws_cloudwatch_metric_alarm" "errors" {
  alarm_name          = "quorate-error-rate"
  evaluation_periods  = 5
  threshold           = 10
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alarm_topic_arn]

  metric_query {
    id          = "rate"
    label       = "answers with 5xx, percent"
    expression  = "100 * (FILL(target, 0) + FILL(balancer, 0)) / requests"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = {
      target   = "HTTPCode_Target_5XX_Count"
      balancer = "HTTPCode_ELB_5XX_Count"
      requests = "RequestCount"
    }

    content {
      id = metric_query.key

      metric {
        namespace   = "AWS/ApplicationELB"
        metric_name = metric_query.value
        dimensions  = { LoadBalancer = var.load_balancer }
        period      = 60
        stat        = "Sum"
      }
    }
  }
}
