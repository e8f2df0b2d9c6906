# The examples, applied as a user would.

mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_resource "aws_s3_bucket" {
    defaults = { id = "fleet", region = "eu-central-1" }
  }
  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:eu-central-1:123456789012:key/0123abcd" }
  }
  mock_resource "aws_iam_policy" {
    defaults = { arn = "arn:aws:iam::123456789012:policy/role" }
  }
}

variables {
  region = "eu-central-1"
  bucket = "fleet"
}

run "minimal" {
  command = apply

  module {
    source = "./examples/minimal"
  }

  variables {
    writers = ["train"]
  }

  assert {
    condition     = output.quiver_store == "s3://fleet?region=eu-central-1" && output.writer == "arn:aws:iam::123456789012:policy/role"
    error_message = "The minimal example makes one store."
  }
}

run "complete" {
  command = apply

  module {
    source = "./examples/complete"
  }

  variables {
    log_bucket = "logs"
    zip        = "housekeeping/tests/empty.zip"
  }

  assert {
    condition = output.quiver_stores == {
      research = { research = "s3://fleet/research?region=eu-central-1", "papers/2026" = "s3://fleet/papers/2026?region=eu-central-1" }
      serving  = { serving = "s3://fleet/serving?region=eu-central-1" }
    }
    error_message = "The complete example makes three stores of two teams."
  }
}
