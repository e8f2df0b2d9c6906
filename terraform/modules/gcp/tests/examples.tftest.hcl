# The examples are planned as on the first day, when no service account and no key has a name yet.
mock_provider "google" {}

variables {
  project = "acme-data"
  bucket  = "acme-quiver"
  image   = "europe-west3-docker.pkg.dev/acme-data/tools/quiver:1"
}

run "minimal" {
  command = plan

  module {
    source = "./examples/minimal"
  }

  assert {
    condition     = output.quiver_store == "gs://acme-quiver"
    error_message = "The store is ${output.quiver_store}."
  }
}

run "complete" {
  command = plan

  module {
    source = "./examples/complete"
  }

  assert {
    condition = jsonencode(output.quiver_stores) == jsonencode({
      research = { research = "gs://acme-quiver/research", "shared/models" = "gs://acme-quiver/shared/models" }
      sales    = { sales = "gs://acme-quiver/sales" }
    })
    error_message = "The stores are ${jsonencode(output.quiver_stores)}."
  }

  assert {
    condition     = length(output.jobs) == 3 && length(google_storage_bucket_iam_member.forecast) == 2
    error_message = "Not each store is kept in order, or the forecast has not both parts of a writer."
  }
}
