# Multi-PAR on ECS: repository, log group, target group, task definition and service. The VPC, the
# cluster, the load balancer and the roles (deploy/IAM_POLICY.md) are there already.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

provider "aws" {
  region = var.aws_region
}

resource "aws_ecr_repository" "pixell_runtime" {
  name                 = "pixell-runtime"
  image_tag_mutability = "MUTABLE" # the tag "multipar" moves

  image_scanning_configuration {
    scan_on_push = true
  }
}

resource "aws_cloudwatch_log_group" "pixell_runtime" {
  name              = "/ecs/pixell-runtime"
  retention_in_days = 30
}

resource "aws_ecs_task_definition" "pixell_runtime" {
  family                   = "pixell-runtime"
  network_mode             = "awsvpc"
  requires_compatibilities = ["FARGATE"]
  cpu                      = "512"
  memory                   = "1024"
  execution_role_arn       = var.execution_role_arn
  task_role_arn            = var.task_role_arn

  volume {
    name = "wheelhouse-cache"

    dynamic "efs_volume_configuration" {
      for_each = var.wheelhouse_file_system_id == null ? [] : [var.wheelhouse_file_system_id]
      content {
        file_system_id     = efs_volume_configuration.value
        transit_encryption = "ENABLED"
      }
    }
  }

  volume {
    name = "state"
  }

  volume {
    name = "temporary"
  }

  container_definitions = jsonencode([
    {
      name                   = "pixell-runtime"
      image                  = "${aws_ecr_repository.pixell_runtime.repository_url}:multipar"
      essential              = true
      user                   = "10001:10001"
      readonlyRootFilesystem = true
      # GRACEFUL_SHUTDOWN_TIMEOUT_SEC and 5 s.
      stopTimeout = 35

      portMappings = [
        {
          containerPort = 80 # Supervisor listens on 80
          protocol      = "tcp"
        }
      ]
      systemControls = [{ namespace = "net.ipv4.ip_unprivileged_port_start", value = "0" }]

      environment = [
        { name = "SUPERVISOR_PORT", value = "80" },
        { name = "PAR_MODE", value = "supervisor" },
        { name = "SUPERVISOR_CONFIG", value = var.supervisor_config },
        { name = "AWS_REGION", value = var.aws_region },
        { name = "GRACEFUL_SHUTDOWN_TIMEOUT_SEC", value = "30" },
        # The target group's interval x unhealthy threshold, and 2 s: deploy/ALB_HEALTH_CHECK.md.
        { name = "DRAIN_MIN_SEC", value = "12" },
        { name = "WHEELHOUSE_DIR", value = "/opt/wheelhouse" },
        { name = "PAR_CACHE_DIR", value = "/tmp/pixell-runtime/packages" },
      ]
      secrets = [{ name = "SUPERVISOR_TOKEN", valueFrom = var.supervisor_token_arn }]

      mountPoints = [
        { sourceVolume = "wheelhouse-cache", containerPath = "/opt/wheelhouse", readOnly = true },
        { sourceVolume = "state", containerPath = "/var/lib/par", readOnly = false },
        { sourceVolume = "temporary", containerPath = "/tmp", readOnly = false },
      ]
      ulimits = [{ name = "nofile", softLimit = 65536, hardLimit = 65536 }]

      logConfiguration = {
        logDriver = "awslogs"
        options = {
          "awslogs-group"         = aws_cloudwatch_log_group.pixell_runtime.name
          "awslogs-region"        = var.aws_region
          "awslogs-stream-prefix" = "ecs"
        }
      }

      healthCheck = {
        command     = ["CMD", "par-lifecycle", "health", "--port", "80"]
        interval    = 10
        timeout     = 5
        retries     = 3
        startPeriod = 300
      }
    }
  ])
}

resource "aws_lb_target_group" "pixell_runtime" {
  name                 = "pixell-runtime"
  port                 = 80
  protocol             = "HTTP"
  target_type          = "ip"
  vpc_id               = var.vpc_id
  deregistration_delay = 30

  health_check {
    path                = "/health"
    matcher             = "200"
    interval            = 5
    timeout             = 3
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }
}

# Agents' paths alone; /supervisor is for those who operate it: the rule below.
resource "aws_lb_listener_rule" "agents" {
  listener_arn = var.listener_arn
  priority     = 10

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.pixell_runtime.arn
  }

  condition {
    path_pattern {
      values = ["/agents/*"]
    }
  }
}

# The status, the page and the admin API (which wants its token), from the operators' addresses.
resource "aws_lb_listener_rule" "supervisor" {
  count        = length(var.operator_cidrs) == 0 ? 0 : 1
  listener_arn = var.listener_arn
  priority     = 11

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.pixell_runtime.arn
  }

  condition {
    path_pattern {
      values = ["/supervisor", "/supervisor/*"]
    }
  }

  condition {
    source_ip {
      values = var.operator_cidrs
    }
  }
}

resource "aws_ecs_service" "pixell_runtime" {
  name            = "pixell-runtime"
  cluster         = var.cluster
  task_definition = aws_ecs_task_definition.pixell_runtime.arn
  desired_count   = var.desired_count
  launch_type     = "FARGATE"

  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  # FETCH_TIMEOUT_SEC, INSTALL_TIMEOUT_SEC and the hard limit.
  health_check_grace_period_seconds = 370

  network_configuration {
    subnets         = var.subnet_ids
    security_groups = var.security_group_ids
  }

  load_balancer {
    target_group_arn = aws_lb_target_group.pixell_runtime.arn
    container_name   = "pixell-runtime"
    container_port   = 80
  }
}
