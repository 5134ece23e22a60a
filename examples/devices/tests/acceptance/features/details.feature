Feature: Details of devices

  What a device says it is goes into the warehouse, together with the device's customer.

  Background:
    Given another device of the same partition, whose details are saved

  Scenario: They are saved when the device has a customer whose details are known
    Given the device has a customer whose details are known
    When the device reports its details
    Then the details are saved with the customer's name

  Scenario: They are not saved when the device has no customer
    Given the device has no customer
    When the device reports its details
    And the other device afterwards changes its customer and reports its details
    Then the details of the other device are saved with its new customer's name
    But nothing of the device is

  Scenario: They are not saved when the customer has no details
    Given the device has a customer without details
    When the device reports its details
    And the other device afterwards changes its customer and reports its details
    Then the details of the other device are saved with its new customer's name
    But nothing of the device is
