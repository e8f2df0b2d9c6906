# Each rule of the variables, by a value that breaks it alone.

mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
}

variables {
  bucket = "fleet"
}

run "names" {
  command = plan

  variables {
    bucket      = "Fleet"
    region      = "frankfurt"
    kms_key_arn = "alias/fleet"
    versioning  = "off"
    tags        = { "aws:team" = "ml" }
  }

  expect_failures = [var.bucket, var.region, var.kms_key_arn, var.versioning, var.tags]
}

run "part_of_a_day_and_logs_into_itself" {
  command = plan

  variables {
    noncurrent_days = 1.5
    access_logs     = { bucket = "fleet" }
  }

  expect_failures = [var.noncurrent_days, var.access_logs]
}

run "no_day_and_logs_nowhere" {
  command = plan

  variables {
    noncurrent_days = 0
    access_logs     = { bucket = "Logs" }
  }

  expect_failures = [var.noncurrent_days, var.access_logs]
}

run "no_domain" {
  command = plan

  variables {
    trust_domains = {}
  }

  expect_failures = [var.trust_domains]
}

run "domain_with_a_slash" {
  command = plan

  variables {
    trust_domains = { "ml/train" = {} }
  }

  expect_failures = [var.trust_domains]
}

run "domain_without_prefix" {
  command = plan

  variables {
    trust_domains = { main = { prefixes = [] } }
  }

  expect_failures = [var.trust_domains]
}

run "prefix_in_a_domain_twice" {
  command = plan

  variables {
    trust_domains = { main = { prefixes = ["team", "team"] } }
  }

  expect_failures = [var.trust_domains]
}

run "prefix_with_a_slash_at_its_end" {
  command = plan

  variables {
    trust_domains = { main = { prefixes = ["team/"] } }
  }

  expect_failures = [var.trust_domains]
}

run "prefix_in_two_domains" {
  command = plan

  variables {
    trust_domains = { a = { prefixes = ["team"] }, b = { prefixes = ["team"] } }
  }

  expect_failures = [var.trust_domains]
}

run "prefix_within_another_domain" {
  command = plan

  variables {
    trust_domains = { a = { prefixes = ["other", "team/deep"] }, b = { prefixes = ["team"] } }
  }

  expect_failures = [var.trust_domains]
}

run "domain_beside_the_whole_bucket" {
  command = plan

  variables {
    trust_domains = { a = {}, b = { prefixes = ["team"] } }
  }

  expect_failures = [var.trust_domains]
}

run "role_by_its_arn" {
  command = plan

  variables {
    trust_domains = { main = { janitors = ["arn:aws:iam::123456789012:role/keeper"] } }
  }

  expect_failures = [var.trust_domains]
}

run "more_prefixes_than_a_policy_holds" {
  command = plan

  variables {
    trust_domains = { main = { prefixes = [for i in range(8) : "a-prefix-of-sixty-four-characters-that-fills-a-policy-quite-soon-${i}"] } }
  }

  expect_failures = [aws_iam_policy.role["main/writer"], aws_iam_policy.role["main/janitor"]]
}
