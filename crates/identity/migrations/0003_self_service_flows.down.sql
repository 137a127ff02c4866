DROP TABLE self_service_errors;
DROP TABLE self_service_flows;
