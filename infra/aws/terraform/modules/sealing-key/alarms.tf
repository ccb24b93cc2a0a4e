# Who can change the policy can let another image in. That cannot be prevented here, so it must not stay unseen.
locals {
  watched = {
    key-policy-changed = {
      description = "The policy, the state or a grant of a KMS key changed: runbook kms-policy-alarm.md"
      pattern     = "{ ($.eventSource = \"kms.amazonaws.com\") && (($.eventName = \"PutKeyPolicy\") || ($.eventName = \"ScheduleKeyDeletion\") || ($.eventName = \"DisableKey\") || (($.eventName = \"CreateGrant\") && ($.userIdentity.invokedBy NOT EXISTS)) || ($.eventName = \"DisableKeyRotation\") || ($.eventName = \"DeleteImportedKeyMaterial\")) }"
    }
    key-use-denied = {
      description = "KMS denied the sealing key to somebody: runbook enclave-does-not-attest.md"
      pattern     = "{ ($.eventSource = \"kms.amazonaws.com\") && (($.eventName = \"Decrypt\") || ($.eventName = \"GenerateDataKey*\") || ($.eventName = \"ReEncrypt\")) && ($.errorCode = \"AccessDenied*\") }"
    }
    trail-changed = {
      description = "The trail that these alarms read was stopped or changed"
      pattern     = "{ ($.eventSource = \"cloudtrail.amazonaws.com\") && (($.eventName = \"StopLogging\") || ($.eventName = \"DeleteTrail\") || ($.eventName = \"UpdateTrail\") || ($.eventName = \"PutEventSelectors\")) }"
    }
  }
}

# It must be there: without a trail nobody would hear of anything.
data "aws_cloudwatch_log_group" "trail" {
  name = var.trail_log_group
}

resource "aws_cloudwatch_log_metric_filter" "key" {
  for_each = local.watched

  name           = "quorate-${each.key}"
  log_group_name = data.aws_cloudwatch_log_group.trail.name
  pattern        = each.value.pattern

  metric_transformation {
    name      = each.key
    namespace = "Quorate/Key"
    value     = "1"
  }
}

resource "aws_cloudwatch_metric_alarm" "key" {
  for_each = local.watched

  alarm_name          = "quorate-${each.key}"
  alarm_description   = each.value.description
  namespace           = "Quorate/Key"
  metric_name         = aws_cloudwatch_log_metric_filter.key[each.key].metric_transformation[0].name
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 1
  threshold           = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alarm_topic_arn]
}
