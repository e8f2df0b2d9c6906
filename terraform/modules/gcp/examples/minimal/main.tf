# A bucket for one team: a job that remembers its results in it. Its URL is the output quiver_store.
#
#   terraform init && terraform apply -var project=PROJECT -var bucket=BUCKET
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
}

variable "project" {
  type        = string
  description = "ID of the project."
  nullable    = false
}

variable "bucket" {
  type        = string
  description = "Name of the bucket."
  nullable    = false
}

# Who runs the job.
resource "google_service_account" "job" {
  account_id = "quiver-job"
}

module "quiver" {
  source = "../.."

  project       = var.project
  bucket        = var.bucket
  location      = "europe-west3"
  trust_domains = { main = { writers = [google_service_account.job.member] } }
}

output "quiver_store" {
  description = "What to set QUIVER_STORE to."
  value       = module.quiver.quiver_store
}

output "service_account" {
  description = "Who to run the job as."
  value       = google_service_account.job.email
}
