# One bucket for two teams that do not trust each other, under a key of its own, with usage logs, and with fold and gc on a schedule.
#
#   terraform init && terraform apply -var project=PROJECT -var bucket=BUCKET -var image=IMAGE
terraform {
  required_version = ">= 1.9"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 6.0"
    }
  }
}

provider "google" {
  project = var.project
  region  = local.location
}

locals {
  location = "europe-west3"
}

# Research writes two stores, and everybody may read what it computed. Sales has one of its own.
module "quiver" {
  source = "../.."

  project  = var.project
  bucket   = var.bucket
  location = local.location
  labels   = { team = "platform" }

  kms_key     = { name = google_kms_crypto_key.store.id }
  access_logs = { bucket = google_storage_bucket.logs.name, prefix = "quiver/" }

  trust_domains = {
    research = {
      prefixes = ["research", "shared/models"]
      readers  = [google_service_account.account["dashboard"].member]
      writers  = [google_service_account.account["train"].member, google_service_account.account["score"].member]
      janitors = [google_service_account.account["janitor"].member]
    }
    sales = {
      prefixes = ["sales"]
      janitors = [google_service_account.account["janitor"].member]
    }
  }
}

# Whoever manages sales' rights grants them, from the module's outputs. The title is his own, so that the module does not take his members for strays.
resource "google_storage_bucket_iam_member" "forecast" {
  for_each = { for at, grant in module.quiver.writer.sales : at => grant }

  bucket = module.quiver.bucket
  role   = each.value.role
  member = google_service_account.account["forecast"].member

  condition {
    title      = "forecast of sales"
    expression = each.value.condition.expression
  }
}

# Each store is kept by itself.
module "housekeeping" {
  source = "../../housekeeping"
  for_each = {
    research = module.quiver.quiver_stores.research["research"]
    models   = module.quiver.quiver_stores.research["shared/models"]
    sales    = module.quiver.quiver_stores.sales["sales"]
  }

  project         = var.project
  location        = local.location
  name            = "quiver-${each.key}"
  quiver_store    = each.value
  image           = var.image
  service_account = google_service_account.account["janitor"].email
}

resource "google_service_account" "account" {
  for_each   = toset(["dashboard", "forecast", "janitor", "score", "train"])
  account_id = "quiver-${each.key}"
}

resource "google_kms_key_ring" "quiver" {
  name     = "quiver"
  location = local.location
}

# Without the key nothing in the bucket can be read.
resource "google_kms_crypto_key" "store" {
  name            = "store"
  key_ring        = google_kms_key_ring.quiver.id
  rotation_period = "7776000s"

  lifecycle {
    prevent_destroy = true
  }
}

resource "google_storage_bucket" "logs" {
  name                        = "${var.bucket}-logs"
  location                    = local.location
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
}

# Google writes usage logs as this group.
resource "google_storage_bucket_iam_member" "logs" {
  bucket = google_storage_bucket.logs.name
  role   = "roles/storage.objectCreator"
  member = "group:cloud-storage-analytics@google.com"
}
