"""What an account is asked before a deployment and after it, by boto3: it is never changed here.

boto3 is slow to import: functions import it, when a stack goes to AWS.
"""
