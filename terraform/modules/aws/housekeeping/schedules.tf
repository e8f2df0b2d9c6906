# What wakes the function, and may do nothing else.
resource "aws_scheduler_schedule" "task" {
  for_each = { fold = var.fold_schedule, gc = var.gc_schedule }

  name                         = "${var.name}-${each.key}"
  region                       = var.region
  description                  = "quiver ${each.key} of ${var.quiver_store}"
  schedule_expression          = each.value
  schedule_expression_timezone = "UTC"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = aws_lambda_function.housekeeping.arn
    role_arn = aws_iam_role.scheduler.arn
    input    = jsonencode({ task = each.key })

    # The next one comes anyway.
    retry_policy {
      maximum_retry_attempts       = 3
      maximum_event_age_in_seconds = 600
    }
  }

  depends_on = [aws_iam_role_policy.invoke]
}

resource "aws_iam_role" "scheduler" {
  name        = "${var.name}-scheduler"
  description = "The schedules of ${var.name}, which invoke that function."
  tags        = var.tags

  # The account, so that nobody else's schedule borrows the role.
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "scheduler.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "invoke" {
  name = "invoke"
  role = aws_iam_role.scheduler.name

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Sid = "Invoke", Effect = "Allow", Action = ["lambda:InvokeFunction"], Resource = [aws_lambda_function.housekeeping.arn] }]
  })
}

data "aws_caller_identity" "current" {}
