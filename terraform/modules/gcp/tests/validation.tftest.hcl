mock_provider "google" {}

variables {
  project  = "acme-data"
  bucket   = "acme-quiver"
  location = "europe-west3"
}

# One wrong value for each variable that has one rule.
run "wrong_values" {
  command = plan

  variables {
    project          = "1234567890"
    location         = "europe west"
    role_prefix      = "quiver-store"
    kms_key          = { name = "projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1" }
    noncurrent_days  = 0
    soft_delete_days = 1
    access_logs      = { bucket = "gs://acme-logs" }
    labels           = { Team = "data" }
  }

  expect_failures = [
    var.project, var.location, var.role_prefix, var.kms_key, var.noncurrent_days, var.soft_delete_days, var.access_logs, var.labels,
  ]
}

run "further_wrong_values" {
  command = plan

  variables {
    role_prefix      = "a_prefix_of_56_characters_which_leaves_too_few_for_ends_"
    noncurrent_days  = 1.5
    soft_delete_days = 91
    access_logs      = { bucket = "acme-quiver" }
    labels           = { team = "Data" }
    trust_domains    = {}
  }

  expect_failures = [var.role_prefix, var.noncurrent_days, var.soft_delete_days, var.access_logs, var.labels, var.trust_domains]
}

run "a_bucket_with_a_dot" {
  command = plan
  variables { bucket = "acme.quiver" }
  expect_failures = [var.bucket]
}

run "a_name_of_a_domain" {
  command = plan
  variables { trust_domains = { "Main domain" = {} } }
  expect_failures = [var.trust_domains]
}

run "no_prefix" {
  command = plan
  variables { trust_domains = { main = { prefixes = [] } } }
  expect_failures = [var.trust_domains]
}

run "a_prefix_twice" {
  command = plan
  variables { trust_domains = { main = { prefixes = ["a", "a"] } } }
  expect_failures = [var.trust_domains]
}

run "a_prefix_with_a_slash_at_its_end" {
  command = plan
  variables { trust_domains = { main = { prefixes = ["team/"] } } }
  expect_failures = [var.trust_domains]
}

# Of an expression it would end the text.
run "a_prefix_with_a_quote" {
  command = plan
  variables { trust_domains = { main = { prefixes = ["team\""] } } }
  expect_failures = [var.trust_domains]
}

run "a_domain_within_another" {
  command = plan
  variables { trust_domains = { inner = { prefixes = ["team/x"] }, outer = { prefixes = ["other", "team"] } } }
  expect_failures = [var.trust_domains]
}

run "a_domain_beside_the_whole_bucket" {
  command = plan
  variables { trust_domains = { all = {}, team = { prefixes = ["team"] } } }
  expect_failures = [var.trust_domains]
}

run "the_public" {
  command = plan
  variables { trust_domains = { main = { readers = ["allUsers"] } } }
  expect_failures = [var.trust_domains]
}

run "more_prefixes_of_a_member_than_iam_takes" {
  command = plan
  variables {
    trust_domains = {
      a = { prefixes = [for n in range(10) : "a/${n}"], writers = ["user:ada@acme.example"] }
      b = { prefixes = [for n in range(11) : "b/${n}"], writers = ["user:ada@acme.example", "user:ben@acme.example"] }
    }
  }
  expect_failures = [var.trust_domains]
}

# What only looks alike is let through.
run "domains_side_by_side" {
  command = plan
  variables {
    trust_domains = {
      team    = { prefixes = ["team", "a.b_c-d/e"], readers = ["principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/*"] }
      team-b  = { prefixes = ["team-b"], writers = ["user:ada@acme.example"] }
      twenty  = { prefixes = [for n in range(20) : "t/${n}"], readers = ["user:ada@acme.example"] }
      members = { prefixes = ["values"], janitors = ["user:ada@acme.example"] }
    }
  }

  assert {
    condition     = length(google_storage_bucket_iam_binding.role) == 25
    error_message = "There are ${length(google_storage_bucket_iam_binding.role)} bindings."
  }
}
