variable "project" {
  type        = string
  description = "ID of the project."
  nullable    = false
}

variable "bucket" {
  type        = string
  description = "Name of the bucket; its usage logs go to one beside it, whose name ends with -logs."
  nullable    = false
}

variable "image" {
  type        = string
  description = "Container image of Quiver, in an Artifact Registry that Cloud Run may pull from."
  nullable    = false
}
