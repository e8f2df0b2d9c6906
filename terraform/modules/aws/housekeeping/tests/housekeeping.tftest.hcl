# The function, what it may, and what wakes it. tests/empty.zip stands for the program.

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_resource "aws_lambda_function" {
    defaults = { arn = "arn:aws:lambda:eu-central-1:123456789012:function:keep" }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-central-1:123456789012:log-group:keep" }
  }
}

override_resource {
  target = aws_iam_role.function
  values = { arn = "arn:aws:iam::123456789012:role/function" }
}

override_resource {
  target = aws_iam_role.scheduler
  values = { arn = "arn:aws:iam::123456789012:role/scheduler" }
}

variables {
  quiver_store = "s3://fleet/team?region=eu-central-1"
  janitor      = "arn:aws:iam::123456789012:policy/fleet-main-janitor"
  zip          = "tests/empty.zip"
}

run "defaults" {
  command = apply

  assert {
    condition = jsonencode([
      aws_lambda_function.housekeeping.function_name, aws_lambda_function.housekeeping.runtime, aws_lambda_function.housekeeping.handler,
      aws_lambda_function.housekeeping.architectures, aws_lambda_function.housekeeping.memory_size,
      aws_lambda_function.housekeeping.timeout, aws_lambda_function.housekeeping.reserved_concurrent_executions,
    ]) == jsonencode(["quiver-housekeeping", "provided.al2023", "bootstrap", ["arm64"], 512, 900, 1])
    error_message = "The function runs bootstrap, alone, for 15 minutes at the most."
  }

  assert {
    condition     = aws_lambda_function.housekeeping.filename == "tests/empty.zip" && aws_lambda_function.housekeeping.source_code_hash == filebase64sha256("tests/empty.zip")
    error_message = "The function is what is in the zip, and changes with it."
  }

  assert {
    condition     = jsonencode(aws_lambda_function.housekeeping.environment[*].variables) == jsonencode([{ QUIVER_STORE = "s3://fleet/team?region=eu-central-1" }])
    error_message = "The function knows its store, and no age."
  }

  assert {
    condition = aws_lambda_function.housekeeping.role == "arn:aws:iam::123456789012:role/function" && aws_iam_role.function.assume_role_policy == jsonencode({
      Version = "2012-10-17", Statement = [{ Effect = "Allow", Principal = { Service = "lambda.amazonaws.com" }, Action = "sts:AssumeRole" }]
    })
    error_message = "Lambda alone takes the function's role: ${aws_iam_role.function.assume_role_policy}"
  }

  assert {
    condition = jsonencode([aws_iam_role_policy_attachment.janitor.role, aws_iam_role_policy_attachment.janitor.policy_arn]) == jsonencode([
      "quiver-housekeeping", "arn:aws:iam::123456789012:policy/fleet-main-janitor"
    ])
    error_message = "The function is a janitor."
  }

  assert {
    condition = aws_iam_role_policy.logs.role == "quiver-housekeeping" && aws_iam_role_policy.logs.policy == jsonencode({ Version = "2012-10-17", Statement = [{
      Sid      = "Logs", Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents"],
      Resource = ["arn:aws:logs:eu-central-1:123456789012:log-group:keep:*"]
    }] })
    error_message = "The function writes to its own log group: ${aws_iam_role_policy.logs.policy}"
  }

  assert {
    condition     = aws_cloudwatch_log_group.function.name == "/aws/lambda/quiver-housekeeping" && aws_cloudwatch_log_group.function.retention_in_days == 30
    error_message = "Logs are kept for a month."
  }

  assert {
    condition = jsonencode({ for task, schedule in aws_scheduler_schedule.task : task => [
      schedule.name, schedule.schedule_expression, schedule.schedule_expression_timezone, schedule.flexible_time_window[*].mode,
      [for target in schedule.target : [
        target.arn, target.role_arn, target.input, target.retry_policy[*].maximum_retry_attempts, target.retry_policy[*].maximum_event_age_in_seconds,
      ]],
      ] }) == jsonencode({
      fold = ["quiver-housekeeping-fold", "rate(15 minutes)", "UTC", ["OFF"], [[
        "arn:aws:lambda:eu-central-1:123456789012:function:keep", "arn:aws:iam::123456789012:role/scheduler", "{\"task\":\"fold\"}", [3], [600]
      ]]]
      gc = ["quiver-housekeeping-gc", "cron(30 4 ? * SUN *)", "UTC", ["OFF"], [[
        "arn:aws:lambda:eu-central-1:123456789012:function:keep", "arn:aws:iam::123456789012:role/scheduler", "{\"task\":\"gc\"}", [3], [600]
      ]]]
    })
    error_message = "The function is told to fold each quarter of an hour, and to collect garbage on Sundays."
  }

  assert {
    condition = aws_iam_role.scheduler.name == "quiver-housekeeping-scheduler" && aws_iam_role.scheduler.assume_role_policy == jsonencode({ Version = "2012-10-17", Statement = [{
      Effect    = "Allow", Principal = { Service = "scheduler.amazonaws.com" }, Action = "sts:AssumeRole",
      Condition = { StringEquals = { "aws:SourceAccount" = "123456789012" } }
    }] })
    error_message = "The scheduler alone takes the schedules' role, for this account: ${aws_iam_role.scheduler.assume_role_policy}"
  }

  assert {
    condition = aws_iam_role_policy.invoke.role == "quiver-housekeeping-scheduler" && aws_iam_role_policy.invoke.policy == jsonencode({ Version = "2012-10-17", Statement = [
      { Sid = "Invoke", Effect = "Allow", Action = ["lambda:InvokeFunction"], Resource = ["arn:aws:lambda:eu-central-1:123456789012:function:keep"] }
    ] })
    error_message = "The schedules invoke that function and nothing else: ${aws_iam_role_policy.invoke.policy}"
  }

  assert {
    condition     = output.function == "quiver-housekeeping" && output.role == "quiver-housekeeping" && output.log_group == "/aws/lambda/quiver-housekeeping"
    error_message = "The outputs name the function, its role and its logs."
  }
}

run "choices" {
  command = apply

  variables {
    name                 = "keep"
    region               = "us-west-2"
    architecture         = "x86_64"
    fold_schedule        = "cron(0/5 * * * ? *)"
    gc_schedule          = "rate(1 day)"
    max_age              = "180d"
    reserved_concurrency = -1
    log_retention_days   = 7
    tags                 = { team = "ml" }
  }

  assert {
    condition = jsonencode([
      aws_lambda_function.housekeeping.function_name, aws_lambda_function.housekeeping.architectures, aws_lambda_function.housekeeping.environment[*].variables,
      aws_lambda_function.housekeeping.reserved_concurrent_executions, aws_cloudwatch_log_group.function.retention_in_days,
      { for task, schedule in aws_scheduler_schedule.task : task => schedule.schedule_expression },
      ]) == jsonencode([
      "keep", ["x86_64"], [{ QUIVER_GC_MAX_AGE = "180d", QUIVER_STORE = "s3://fleet/team?region=eu-central-1" }], -1, 7, { fold = "cron(0/5 * * * ? *)", gc = "rate(1 day)" },
    ])
    error_message = "What was asked for is what there is."
  }

  assert {
    condition = alltrue([for region in concat([
      aws_lambda_function.housekeeping.region, aws_cloudwatch_log_group.function.region
    ], values(aws_scheduler_schedule.task)[*].region) : region == "us-west-2"])
    error_message = "All is in the region that was asked for."
  }

  assert {
    condition = alltrue([for tags in [aws_lambda_function.housekeeping.tags, aws_cloudwatch_log_group.function.tags, aws_iam_role.function.tags, aws_iam_role.scheduler.tags] :
      tags == tomap({ team = "ml" })
    ])
    error_message = "All has its tags."
  }
}

run "refuses_what_is_no_name" {
  command = plan

  variables {
    name                 = "quiver housekeeping"
    region               = "frankfurt"
    quiver_store         = "gs://fleet"
    janitor              = "fleet-main-janitor"
    architecture         = "amd64"
    fold_schedule        = "*/15 * * * *"
    gc_schedule          = "weekly"
    max_age              = "180"
    reserved_concurrency = 0
    log_retention_days   = 8
    tags                 = { "aws:team" = "ml" }
  }

  expect_failures = [
    var.name, var.region, var.quiver_store, var.janitor, var.architecture, var.fold_schedule, var.gc_schedule, var.max_age, var.reserved_concurrency,
    var.log_retention_days, var.tags,
  ]
}

run "refuses_a_zip_that_is_not_there" {
  command = plan

  variables {
    zip = "tests/none.zip"
  }

  # Without the validation, reading the file would fail, for another reason.
  expect_failures = [var.zip]
}
