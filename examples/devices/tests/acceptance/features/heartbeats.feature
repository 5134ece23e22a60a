Feature: Heartbeats of devices

  A sign of life of a device goes into the warehouse, together with the device's customer.

  Background:
    Given another device of the same partition, whose heartbeats are saved

  Scenario: It is saved when the device has a customer whose details are known
    Given the device has a customer whose details are known
    When the device sends a heartbeat
    Then the heartbeat is saved with the customer's name

  Scenario: It is not saved when the device has no customer
    Given the device has no customer
    When the device sends a heartbeat
    And the other device afterwards changes its customer and sends a heartbeat
    Then the heartbeat of the other device is saved with its new customer's name
    But nothing of the device is

  Scenario: It is not saved when the customer has no details
    Given the device has a customer without details
    When the device sends a heartbeat
    And the other device afterwards changes its customer and sends a heartbeat
    Then the heartbeat of the other device is saved with its new customer's name
    But nothing of the device is
