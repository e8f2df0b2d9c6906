# One function for both tasks. It runs alone, so that a fold and a gc do not read the same things twice; what comes meanwhile Lambda sends again.
resource "aws_lambda_function" "housekeeping" {
  function_name                  = var.name
  region                         = var.region
  description                    = "quiver fold and quiver gc of ${var.quiver_store}"
  role                           = aws_iam_role.function.arn
  filename                       = var.zip
  source_code_hash               = filebase64sha256(var.zip)
  runtime                        = "provided.al2023"
  handler                        = "bootstrap"
  architectures                  = [var.architecture]
  memory_size                    = 512
  timeout                        = 900
  reserved_concurrent_executions = var.reserved_concurrency
  tags                           = var.tags

  environment {
    variables = merge({ QUIVER_STORE = var.quiver_store }, var.max_age == null ? {} : { QUIVER_GC_MAX_AGE = var.max_age })
  }

  # Else Lambda makes a log group that keeps everything for ever, or asks S3 before it may.
  depends_on = [aws_cloudwatch_log_group.function, aws_iam_role_policy.logs, aws_iam_role_policy_attachment.janitor]
}

resource "aws_cloudwatch_log_group" "function" {
  name              = "/aws/lambda/${var.name}"
  region            = var.region
  retention_in_days = var.log_retention_days
  tags              = var.tags
}

resource "aws_iam_role" "function" {
  name        = var.name
  description = "The function ${var.name}: a janitor of ${var.quiver_store} that writes logs."
  tags        = var.tags

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "lambda.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
}

resource "aws_iam_role_policy_attachment" "janitor" {
  role       = aws_iam_role.function.name
  policy_arn = var.janitor
}

resource "aws_iam_role_policy" "logs" {
  name = "logs"
  role = aws_iam_role.function.name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "Logs"
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = ["${aws_cloudwatch_log_group.function.arn}:*"]
    }]
  })
}
