# TLS of clients ends here; what must not be read behind it was sealed by the client before.
resource "aws_lb" "api" {
  # checkov:skip=CKV2_AWS_28: bodies are sealed, so that rules on contents find nothing; the gateway limits rate and size. Add a web ACL for volume
  name                       = "quorate-api"
  internal                   = false
  load_balancer_type         = "application"
  subnets                    = var.public_subnet_ids
  security_groups            = [var.security_group_id]
  drop_invalid_header_fields = true
  desync_mitigation_mode     = "strictest"
  enable_deletion_protection = true
  # Longer than a client may wait for an answer.
  idle_timeout = 120

  access_logs {
    bucket  = var.access_log_bucket
    prefix  = "quorate-api"
    enabled = true
  }
}

resource "aws_lb_target_group" "gateway" {
  name                 = "quorate-gateway"
  vpc_id               = var.vpc_id
  port                 = 3000
  protocol             = "HTTP"
  deregistration_delay = 60

  # Whether it lives: a gateway without enclaves still answers, with a code.
  health_check {
    path                = "/healthz"
    matcher             = "200"
    interval            = 10
    healthy_threshold   = 2
    unhealthy_threshold = 3
  }
}

resource "aws_lb_target_group_attachment" "gateway" {
  target_group_arn = aws_lb_target_group.gateway.arn
  target_id        = var.gateway_instance_id
}

resource "aws_lb_listener" "https" {
  load_balancer_arn = aws_lb.api.arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"
  certificate_arn   = var.certificate_arn

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.gateway.arn
  }
}

resource "aws_route53_record" "api" {
  zone_id = var.zone_id
  name    = var.domain
  type    = "A"

  alias {
    name                   = aws_lb.api.dns_name
    zone_id                = aws_lb.api.zone_id
    evaluate_target_health = false
  }
}
