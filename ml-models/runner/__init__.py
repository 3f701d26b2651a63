"""The model runner: readings from Kafka in, predictions onto twins and the predictions topic out.

In the order of the flow: `intake` (records -> windows), `schedule` (who is due), `forecaster` (windows -> predictions,
through `predictor`, which holds the ONNX graph), `outbox` (predictions -> Kafka records), all driven by `work` inside
the batch loop of `racktwin.kafka`. One runner serves one model; replicas share its partitions.
"""
