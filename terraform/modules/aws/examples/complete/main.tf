# Two teams that do not trust each other in one bucket: own key, access logs, a role for each team's jobs, an analyst who reads both, and housekeeping for one of them.
terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.0"
    }
  }
}

provider "aws" {
  region = var.region
}

module "quiver" {
  source = "../.."

  bucket      = var.bucket
  kms_key_arn = aws_kms_key.store.arn
  access_logs = { bucket = var.log_bucket, prefix = "${var.bucket}/" }
  tags        = { purpose = "memoisation" }

  trust_domains = {
    research = { prefixes = ["research", "papers/2026"], readers = [aws_iam_role.analyst.name], writers = [aws_iam_role.job["research"].name] }
    serving  = { prefixes = ["serving"], readers = [aws_iam_role.analyst.name], writers = [aws_iam_role.job["serving"].name] }
  }
}

module "housekeeping" {
  source   = "../../housekeeping"
  for_each = module.quiver.quiver_stores["research"]

  name         = "${var.bucket}-${replace(each.key, "/", "-")}"
  quiver_store = each.value
  janitor      = module.quiver.janitor["research"]
  zip          = var.zip
  max_age      = "180d"
  tags         = { purpose = "memoisation" }
}

resource "aws_kms_key" "store" {
  description         = "What ${var.bucket} remembers"
  enable_key_rotation = true
}

# What the jobs run as: here tasks of ECS, which AWS Batch uses, too.
resource "aws_iam_role" "job" {
  for_each = toset(["research", "serving"])

  name = "${var.bucket}-${each.key}-job"

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "ecs-tasks.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
}

resource "aws_iam_role" "analyst" {
  name = "${var.bucket}-analyst"

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "sagemaker.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
}
