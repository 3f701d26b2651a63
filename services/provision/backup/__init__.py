"""Backups of what the release keeps: MongoDB, InfluxDB, the model registry, and the site's resources and Secrets.

A backup is one folder named by its time; it is complete when it has its `manifest.json`, which is written last. Each
part has a module that writes it and reads it back; `provision.backup.whole` puts them together. Kafka is not among
them: what is on it is on its way, or in InfluxDB.
"""
