variable "region" {
  type        = string
  description = "Region of the bucket and of the function that keeps it."
  nullable    = false
}

variable "bucket" {
  type        = string
  description = "Name of the bucket to make."
  nullable    = false
}

variable "log_bucket" {
  type        = string
  description = "Name of the bucket for access logs, which is there already."
  nullable    = false
}

variable "zip" {
  type        = string
  description = "File with the function that examples/lambda-housekeeping builds."
  nullable    = false
}
